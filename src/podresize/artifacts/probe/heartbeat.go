package main

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const (
	beatInterval  = 100 * time.Millisecond
	clockMonotone = 1 // CLOCK_MONOTONIC: the clock of Python's time.monotonic on the host
	clockThread   = 3 // CLOCK_THREAD_CPUTIME_ID
)

// clock returns a kernel clock in nanoseconds. Go's own monotonic time cannot be printed, and the
// standard library has no wrapper.
func clock(id uintptr) int64 {
	var now syscall.Timespec
	// A valid clock and a valid pointer: the call cannot fail.
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// heartbeat prints one line per interval for ever. A gap in "monotonic" is a stall, a new
// "instance" a restart, a missing "beat" a lost line. "waited" is how long all in all the beating
// thread was ready to run and had no processor: of a gap that part is the host's. It is left out
// where the kernel does not count it.
func heartbeat(out io.Writer) {
	// One thread beats and sleeps by itself: a timer of Go's is woken by whichever thread there is,
	// and what that waited for would be in nobody's count.
	runtime.LockOSThread()
	waiting := openWaited()
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		fail(err)
	}
	instance := hex.EncodeToString(random)
	// One buffer for all lines: the heartbeat allocates nothing while it runs.
	line := make([]byte, 0, 160)
	next := clock(clockMonotone)
	for beat := int64(0); ; beat++ {
		line = append(line[:0], `{"beat":`...)
		line = strconv.AppendInt(line, beat, 10)
		line = append(line, `,"monotonic":`...)
		line = appendSeconds(line, clock(clockMonotone))
		if waited, known := waiting.read(); known {
			line = append(line, `,"waited":`...)
			line = appendSeconds(line, waited)
		}
		line = append(line, `,"instance":"`...)
		line = append(line, instance...)
		line = append(line, "\"}\n"...)
		// Nobody reading is no reason to stop: the log may be rotated under us.
		_, _ = out.Write(line)
		next = sleepUntil(next + int64(beatInterval))
	}
}

// sleepUntil sleeps to a moment of the monotonic clock and returns it; where it has long passed, now:
// a stall is not followed by a burst.
func sleepUntil(moment int64) int64 {
	for {
		left := moment - clock(clockMonotone)
		if left < -int64(beatInterval) {
			return moment - left
		}
		if left <= 0 {
			return moment
		}
		pause := syscall.NsecToTimespec(left)
		_ = syscall.Nanosleep(&pause, nil) // a signal is no reason to beat earlier
	}
}

// waited reads how long a thread has waited for a processor: the second number of its schedstat
// (Documentation/scheduler/sched-stats.rst), in nanoseconds.
type waited struct {
	file   int
	buffer [64]byte
}

// openWaited opens the count of the calling thread.
func openWaited() *waited {
	file, err := syscall.Open("/proc/thread-self/schedstat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		file = -1
	}
	return &waited{file: file}
}

func (w *waited) read() (int64, bool) {
	if w.file < 0 {
		return 0, false
	}
	size, err := syscall.Pread(w.file, w.buffer[:], 0)
	if err != nil {
		return 0, false
	}
	place, number := 0, int64(0)
	for _, each := range w.buffer[:size] {
		switch {
		case each >= '0' && each <= '9' && place == 1:
			number = 10*number + int64(each-'0')
		case each == ' ':
			place++
		}
	}
	return number, place == 2
}

// appendSeconds writes nanoseconds as seconds with six decimals, without a float in between.
func appendSeconds(line []byte, nanoseconds int64) []byte {
	line = strconv.AppendInt(line, nanoseconds/1e9, 10)
	line = append(line, '.')
	micro := nanoseconds % 1e9 / 1e3
	for place := int64(1e5); place > 0; place /= 10 {
		line = append(line, byte('0'+micro/place%10))
	}
	return line
}
