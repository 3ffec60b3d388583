package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// random(4); the numbers of <linux/random.h>, which are the same on amd64 and arm64.
const (
	addEntropy  = 0x40085203 // RNDADDENTROPY
	reseed      = 0x5207     // RNDRESEEDCRNG
	longestSeed = 64
)

// pool is struct rand_pool_info with room for the bytes.
type pool struct {
	bits, size int32
	bytes      [longestSeed]byte
}

// seed mixes bytes into what the kernel draws random numbers from, and has it begin anew with that.
func seed(_ *channel, out *reply, request []byte) error {
	var asked struct {
		Hex string `json:"hex"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	data, err := hex.DecodeString(asked.Hex)
	if err != nil {
		return err
	}
	if len(data) == 0 || len(data) > longestSeed {
		return fmt.Errorf("a seed has 1 to %d bytes, not %d", longestSeed, len(data))
	}
	given := pool{bits: int32(8 * len(data)), size: int32(len(data))}
	copy(given.bytes[:], data)
	random, err := os.OpenFile("/dev/random", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer random.Close()
	for _, call := range []struct {
		number  uintptr
		pointer unsafe.Pointer
	}{{addEntropy, unsafe.Pointer(&given)}, {reseed, nil}} {
		_, _, number := syscall.Syscall(
			syscall.SYS_IOCTL, random.Fd(), call.number, uintptr(call.pointer))
		if number != 0 {
			return number
		}
	}
	return out.say(map[string]any{})
}
