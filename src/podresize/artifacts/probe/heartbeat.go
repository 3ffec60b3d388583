package main

import (
	"crypto/rand"
	"encoding/hex"
	"io"
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
// "instance" a restart, a missing "beat" a lost line.
func heartbeat(out io.Writer) {
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		fail(err)
	}
	instance := hex.EncodeToString(random)
	// One buffer for all lines: the heartbeat allocates nothing while it runs.
	line := make([]byte, 0, 128)
	ticker := time.NewTicker(beatInterval)
	for beat := int64(0); ; beat++ {
		line = append(line[:0], `{"beat":`...)
		line = strconv.AppendInt(line, beat, 10)
		line = append(line, `,"monotonic":`...)
		line = appendSeconds(line, clock(clockMonotone))
		line = append(line, `,"instance":"`...)
		line = append(line, instance...)
		line = append(line, "\"}\n"...)
		// Nobody reading is no reason to stop: the log may be rotated under us.
		_, _ = out.Write(line)
		<-ticker.C
	}
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
