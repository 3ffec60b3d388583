package main

import (
	"errors"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// What to wait before the port is asked again while nobody is connected to it outside.
const absentPause = 50 * time.Millisecond

// port is a line to the host which outlives whoever holds its other end. Read returns 0 without an
// error while nobody does; Write waits, or throws the bytes away, which the protocol can bear.
type port interface {
	Read(buffer []byte) (int, error)
	Write(data []byte) (int, error)
}

// device is a character device, read and written by blocking system calls: Go's poller takes the
// hang-up of a port without a host for its end.
type device int

// openDevice waits for a port that is not there yet, or that the agent before this one still has:
// this one may be started before the guest's devices are.
func openDevice(path string) (port, error) {
	for said := false; ; said = true {
		for _, each := range []string{path, withoutUdev(filepath.Base(path))} {
			descriptor, err := syscall.Open(each, syscall.O_RDWR|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0)
			switch {
			case err == nil:
				return device(descriptor), nil
			case !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EBUSY):
				return nil, &os.PathError{Op: "open", Path: each, Err: err}
			case !said:
				log.Printf("podresize-agent: waiting for %s: %v", path, err)
				said = true
			}
		}
		time.Sleep(absentPause)
	}
}

// withoutUdev returns the device of a port's name as the kernel has it: /dev/virtio-ports is udev's.
func withoutUdev(name string) string {
	names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
	for _, each := range names {
		if text, err := os.ReadFile(each); err == nil && strings.TrimSpace(string(text)) == name {
			return "/dev/" + filepath.Base(filepath.Dir(each))
		}
	}
	return "/dev/virtio-ports/" + name
}

func (d device) Read(buffer []byte) (int, error) {
	for {
		size, err := syscall.Read(int(d), buffer)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, err
		case size == 0:
			time.Sleep(absentPause)
		}
		return size, nil
	}
}

func (d device) Write(data []byte) (int, error) {
	written := 0
	for written < len(data) {
		size, err := syscall.Write(int(d), data[written:])
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return written, err
		}
		written += size
	}
	return written, nil
}

// socket serves one connection at a time, as a port has one other end.
type socket struct {
	listener net.Listener
	mutex    sync.Mutex
	changed  *sync.Cond
	current  net.Conn
}

func listenSocket(path string) (port, error) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	made := &socket{listener: listener}
	made.changed = sync.NewCond(&made.mutex)
	return made, nil
}

func (s *socket) set(connection net.Conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.current = connection
	s.changed.Broadcast()
}

func (s *socket) Read(buffer []byte) (int, error) {
	if s.current == nil { // only the reader sets it
		connection, err := s.listener.Accept()
		if err != nil {
			return 0, err
		}
		s.set(connection)
	}
	size, err := s.current.Read(buffer)
	if err != nil {
		_ = s.current.Close()
		s.set(nil)
		return 0, nil
	}
	return size, nil
}

func (s *socket) Write(data []byte) (int, error) {
	s.mutex.Lock()
	for s.current == nil {
		s.changed.Wait()
	}
	connection := s.current
	s.mutex.Unlock()
	_, _ = connection.Write(data) // the reader notices its end
	return len(data), nil
}
