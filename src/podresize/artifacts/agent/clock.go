package main

import (
	"os"
	"strings"
	"syscall"
	"unsafe"
)

const (
	clockReal     = 0 // CLOCK_REALTIME
	clockMonotone = 1 // CLOCK_MONOTONIC: the clock of Python's time.monotonic
)

// clock returns a kernel clock in seconds. Go's own monotonic time cannot be told to others.
func clock(id uintptr) float64 {
	var now syscall.Timespec
	// A valid clock and a valid pointer: the call cannot fail.
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&now)), 0)
	return float64(now.Nano()) / 1e9
}

func ping(_ *channel, out *reply, _ []byte) error {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return out.say(map[string]any{
		"monotonic": clock(clockMonotone),
		"realtime":  clock(clockReal),
		"boot":      strings.TrimSpace(string(boot)),
	})
}
