package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

const longestRequest = 1 << 20

// Messages as podresize/guest/messages.py describes them.
const (
	messageJSON  = 'J'
	messageBytes = 'B'
	messageError = 'E' // standard error of a command
	messageWrong = 'X' // the request failed: the last message
	messageEnd   = 'Z' // the request is done: the last message
)

// reply writes the messages of one answer. Several may write at once.
type reply struct {
	channel *channel
	mutex   sync.Mutex
}

func (r *reply) message(kind byte, payload []byte) error {
	raw := make([]byte, 5, 5+len(payload))
	raw[0] = kind
	binary.BigEndian.PutUint32(raw[1:], uint32(len(payload)))
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_, err := r.channel.Write(append(raw, payload...))
	return err
}

func (r *reply) say(what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return r.message(messageJSON, text)
}

// wrong says what failed, with the kernel's number for it where it was the kernel that refused.
func (r *reply) wrong(err error) {
	said := map[string]any{"what": err.Error()}
	var number syscall.Errno
	if errors.As(err, &number) {
		said["errno"] = int(number)
	}
	text, _ := json.Marshal(said)
	_ = r.message(messageWrong, text)
}

// stream is a message type as an io.Writer.
type stream struct {
	reply *reply
	kind  byte
}

func (s stream) Write(data []byte) (int, error) {
	if err := s.reply.message(s.kind, data); err != nil {
		return 0, err
	}
	return len(data), nil
}

type handler func(*channel, *reply, []byte) error

var errRaw = errors.New("the channel has become a connection")

var handlers map[string]handler

func init() {
	handlers = map[string]handler{
		"ping": ping, "read": readFile, "write": writeFile, "list": list, "there": there,
		"find": find, "settings": settings, "exec": execute, "signal": sendSignal,
		"dial": dial, "listen": listen, "accept": accept, "units": units,
		"identity": identity, "pids": pids, "seed": seed, "sample": sample, "watch-process": watchProcess,
	}
}

// answer carries out the request of a channel and returns when all of it has been sent.
func answer(to *channel) {
	out := &reply{channel: to}
	err := carryOut(to, out)
	switch {
	case errors.Is(err, errRaw):
	case err != nil:
		out.wrong(err)
	default:
		_ = out.message(messageEnd, nil)
	}
}

func carryOut(to *channel, out *reply) error {
	length := make([]byte, 4)
	if _, err := io.ReadFull(to, length); err != nil {
		return fmt.Errorf("no request came: %w", err)
	}
	size := binary.BigEndian.Uint32(length)
	if size > longestRequest {
		return fmt.Errorf("the request has %d bytes, and may have %d", size, longestRequest)
	}
	request := make([]byte, size)
	if _, err := io.ReadFull(to, request); err != nil {
		return fmt.Errorf("the request was cut short: %w", err)
	}
	var asked struct {
		Do string `json:"do"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	do, known := handlers[asked.Do]
	if !known {
		return fmt.Errorf("this agent knows no request %q", asked.Do)
	}
	return do(to, out, request)
}

// arguments reads a request into what it should look like.
func arguments(request []byte, into any) error {
	if err := json.Unmarshal(request, into); err != nil {
		return fmt.Errorf("the request cannot be read: %w", err)
	}
	return nil
}
