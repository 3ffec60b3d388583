package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

var errReset = errors.New("the channel was reset")

// channel is one of a session's: a stream of bytes each way, each with a window of its own, so that
// a reader that is slow keeps nobody waiting but its own writer.
type channel struct {
	session *session
	number  uint32
	ctx     context.Context
	cancel  context.CancelFunc

	mutex     sync.Mutex
	changed   *sync.Cond
	incoming  []byte
	hasEnded  bool // the host has said that it sends no more
	wasReset  bool // by the host, which knows then
	saidEnd   bool
	consumed  int // read, and not yet credited
	mayBeSent int
}

func newChannel(of *session, number uint32) *channel {
	made := &channel{session: of, number: number, mayBeSent: window}
	made.changed = sync.NewCond(&made.mutex)
	made.ctx, made.cancel = context.WithCancel(of.ctx)
	// Wakes whoever waits for bytes or for credit.
	context.AfterFunc(made.ctx, func() {
		made.mutex.Lock()
		defer made.mutex.Unlock()
		made.changed.Broadcast()
	})
	return made
}

func (c *channel) received(data []byte) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	// Its handler may be in a system call for as long as that takes.
	if c.ctx.Err() != nil {
		return
	}
	c.incoming = append(c.incoming, data...)
	c.changed.Broadcast()
	if len(c.incoming) > window {
		c.cancel() // it sends without credit
		c.incoming = nil
	}
}

func (c *channel) ended() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.hasEnded = true
	c.changed.Broadcast()
}

func (c *channel) credited(size int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.mayBeSent += size
	c.changed.Broadcast()
}

// Read returns io.EOF after the host's end, and errReset where there is none.
func (c *channel) Read(buffer []byte) (int, error) {
	c.mutex.Lock()
	for len(c.incoming) == 0 && !c.hasEnded && c.ctx.Err() == nil {
		c.changed.Wait()
	}
	if c.ctx.Err() != nil {
		c.mutex.Unlock()
		return 0, errReset
	}
	size := copy(buffer, c.incoming)
	c.incoming = c.incoming[size:]
	c.consumed += size
	credit := 0
	if c.consumed >= window/4 && !c.hasEnded {
		credit, c.consumed = c.consumed, 0
	}
	isOver := size == 0 && c.hasEnded
	c.mutex.Unlock()
	if credit > 0 {
		c.session.send(frame{kindCredit, c.number, binary.BigEndian.AppendUint32(nil, uint32(credit))})
	}
	if isOver {
		return 0, io.EOF
	}
	return size, nil
}

// Write sends everything, as the host gives credit for it.
func (c *channel) Write(data []byte) (int, error) {
	written := 0
	for written < len(data) {
		c.mutex.Lock()
		for c.mayBeSent == 0 && c.ctx.Err() == nil {
			c.changed.Wait()
		}
		size := min(len(data)-written, c.mayBeSent, maxPayload)
		c.mayBeSent -= size
		c.mutex.Unlock()
		if c.ctx.Err() != nil {
			return written, errReset
		}
		// A copy: the writer may still hold it when the caller has its buffer back.
		part := append([]byte(nil), data[written:written+size]...)
		if !c.session.send(frame{kindData, c.number, part}) {
			return written, errReset
		}
		written += size
	}
	return written, nil
}

// CloseWrite says that nothing more is sent.
func (c *channel) CloseWrite() {
	c.mutex.Lock()
	said := c.saidEnd
	c.saidEnd = true
	c.mutex.Unlock()
	if !said && c.ctx.Err() == nil {
		c.session.send(frame{kindEnd, c.number, nil})
	}
}

func (c *channel) reset() {
	c.mutex.Lock()
	c.wasReset = true
	c.mutex.Unlock()
	c.cancel()
}

// finish ends the channel here, and there too: by a reset if it was cut short, or if the host would
// go on sending.
func (c *channel) finish() {
	wasCut := c.ctx.Err() != nil
	if !wasCut {
		c.CloseWrite()
	}
	c.mutex.Lock()
	isOver := c.wasReset || c.hasEnded && !wasCut
	c.mutex.Unlock()
	if !isOver {
		c.session.send(frame{kindReset, c.number, nil})
	}
}
