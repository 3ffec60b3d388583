package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// held keeps the memory reachable, so that nothing gives it back.
var held [][]byte

// filled keeps the files open: closed by a finalizer, one would give its memory back.
var filled []*os.File

// hold maps, touches and keeps N MiB outside of Go's heap: the collector neither counts nor moves
// them, so the container's usage is what was asked for and a little.
func hold(mib int) error {
	if mib == 0 {
		return nil
	}
	memory, err := syscall.Mmap(-1, 0, mib<<20, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return err
	}
	for at := 0; at < len(memory); at += os.Getpagesize() {
		memory[at] = 1
	}
	held = append(held, memory)
	return nil
}

// fill writes N MiB to a file in a directory and keeps it open without a name: where the directory is
// a file system in memory, they are memory of whoever wrote them until this process ends.
func fill(directory string, mib int) error {
	file, err := os.CreateTemp(directory, "held-")
	if err != nil {
		return err
	}
	if err := os.Remove(file.Name()); err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for at := range block {
		block[at] = 1
	}
	for range make([]struct{}, mib) {
		if _, err := file.Write(block); err != nil {
			return err
		}
	}
	filled = append(filled, file)
	return nil
}

const burnPeriod = 20 * time.Millisecond

// burn uses N millicores from now on, in threads of its own: N/1000 of them, rounded up.
func burn(millicores int) {
	if millicores == 0 {
		return
	}
	threads := (millicores + 999) / 1000
	// A processor for each burning thread and one for the heartbeat.
	if need := threads + 1; runtime.GOMAXPROCS(0) < need {
		runtime.GOMAXPROCS(need)
	}
	share := time.Duration(millicores) * burnPeriod / time.Duration(1000*threads)
	for range make([]struct{}, threads) {
		go burnThread(share)
	}
}

// burnThread uses the share of CPU time in each period. It counts what the kernel gave it: a
// throttled container still wants what it was told to want.
func burnThread(share time.Duration) {
	runtime.LockOSThread()
	used, next := clock(clockThread), clock(clockMonotone)
	for {
		used += int64(share)
		next += int64(burnPeriod)
		for clock(clockThread) < used {
		}
		now := clock(clockMonotone)
		if now < next {
			time.Sleep(time.Duration(next - now))
		} else {
			// Throttled: what was missed is not made up for later.
			used, next = clock(clockThread), now
		}
	}
}
