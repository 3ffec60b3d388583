package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// What waits for the host to take it is let go of after as long.
const acceptPatience = 30 * time.Second

type closeWriter interface{ CloseWrite() error }

func dial(from *channel, out *reply, request []byte) error {
	var asked struct {
		Unix string `json:"unix"`
		TCP  string `json:"tcp"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	network, address := "unix", asked.Unix
	if asked.TCP != "" {
		network, address = "tcp", asked.TCP
	}
	connection, err := (&net.Dialer{}).DialContext(from.ctx, network, address)
	if err != nil {
		return err
	}
	return join(from, out, connection)
}

// join passes bytes both ways until both sides have ended, or one is gone.
func join(from *channel, out *reply, connection net.Conn) error {
	defer connection.Close()
	if err := out.say(map[string]any{}); err != nil {
		return errRaw
	}
	stop := context.AfterFunc(from.ctx, func() { _ = connection.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		defer both.Done()
		_, err := io.Copy(connection, from)
		if half, can := connection.(closeWriter); can && err == nil {
			_ = half.CloseWrite()
		} else {
			_ = connection.Close()
		}
	}()
	go func() {
		defer both.Done()
		// Only the Writer: io.Copy must not look for ways around the channel.
		_, err := io.Copy(struct{ io.Writer }{from}, connection)
		from.CloseWrite()
		if err != nil {
			from.cancel()
		}
	}()
	both.Wait()
	return errRaw
}

// waiting are connections that a guest's process made and the host has not taken yet.
var waiting = struct {
	sync.Mutex
	last        int
	connections map[int]net.Conn
}{connections: map[int]net.Conn{}}

// listen makes a socket in the guest and says a number for each connection to it, which the host
// takes by "accept". It goes with its channel, but for its path, which the next one takes.
func listen(from *channel, out *reply, request []byte) error {
	var asked struct {
		Unix string `json:"unix"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	if err := os.Remove(asked.Unix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: asked.Unix, Net: "unix"})
	if err != nil {
		return err
	}
	// By the time that this one is closed the socket at its path may be that of the next session.
	listener.SetUnlinkOnClose(false)
	defer listener.Close()
	if err := out.say(map[string]any{"listens": true}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, from) // until the host's end
		_ = listener.Close()
	}()
	for {
		connection, err := listener.Accept()
		if err != nil {
			return nil
		}
		waiting.Lock()
		waiting.last++
		number := waiting.last
		waiting.connections[number] = connection
		waiting.Unlock()
		time.AfterFunc(acceptPatience, func() {
			if late := taken(number); late != nil {
				_ = late.Close()
			}
		})
		if err := out.say(map[string]any{"number": number}); err != nil {
			return err
		}
	}
}

func accept(from *channel, out *reply, request []byte) error {
	var asked struct {
		Number int `json:"number"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	connection := taken(asked.Number)
	if connection == nil {
		return errors.New("no connection with that number waits")
	}
	return join(from, out, connection)
}

func taken(number int) net.Conn {
	waiting.Lock()
	defer waiting.Unlock()
	found := waiting.connections[number]
	delete(waiting.connections, number)
	return found
}
