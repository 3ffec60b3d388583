package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"log"
	"runtime/debug"
	"sync"
)

// multiplexer serves one port. There is one session at a time, which begins when the host says
// reset-all; what was before is dropped then.
type multiplexer struct {
	port port
	// Unbuffered: senders take turns, so that no channel has more than one frame before another's.
	out     chan outgoing
	mutex   sync.Mutex
	current *session
}

type outgoing struct {
	session *session
	frame   frame
}

type session struct {
	mux    *multiplexer
	nonce  []byte
	ctx    context.Context
	cancel context.CancelFunc
	mutex  sync.Mutex
	open   map[uint32]*channel
}

func newMultiplexer(to port) *multiplexer {
	return &multiplexer{port: to, out: make(chan outgoing)}
}

func (m *multiplexer) serve() error {
	go m.write()
	buffer := make([]byte, maxPayload+headerSize)
	cut := decoder{}
	for {
		size, err := m.port.Read(buffer)
		if err != nil {
			return err
		}
		for _, each := range cut.feed(buffer[:size]) {
			m.take(each)
		}
	}
}

// write is the only one who writes. At first it says that this agent knows of nothing: the one
// before it may have ended in the middle of a frame.
func (m *multiplexer) write() {
	hello := frame{kindResetAll, 0, make([]byte, nonceSize)}.encode()
	_, _ = m.port.Write(append(make([]byte, preambleSize), hello...))
	for each := range m.out {
		if each.session.ctx.Err() != nil {
			continue
		}
		// A port that cannot be written cannot be read either, and that ends the agent.
		_, _ = m.port.Write(each.frame.encode())
	}
}

// take must not wait: everything that comes passes here.
func (m *multiplexer) take(got frame) {
	if got.kind == kindResetAll {
		m.begin(got.payload)
		return
	}
	m.mutex.Lock()
	now := m.current
	m.mutex.Unlock()
	if now == nil {
		return
	}
	if got.kind == kindOpen {
		now.begin(got.channel)
		return
	}
	now.mutex.Lock()
	of := now.open[got.channel]
	now.mutex.Unlock()
	if of == nil {
		return // it has ended here, and the other side does not know yet
	}
	switch got.kind {
	case kindData:
		of.received(got.payload)
	case kindEnd:
		of.ended()
	case kindReset:
		of.reset()
	case kindCredit:
		if len(got.payload) == 4 {
			of.credited(int(binary.BigEndian.Uint32(got.payload)))
		}
	}
}

func (m *multiplexer) begin(nonce []byte) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	// The host asks again where it does not know whether it was heard.
	if m.current == nil || !bytes.Equal(m.current.nonce, nonce) {
		if m.current != nil {
			m.current.cancel()
		}
		ctx, cancel := context.WithCancel(context.Background())
		m.current = &session{
			mux: m, nonce: nonce, ctx: ctx, cancel: cancel, open: map[uint32]*channel{},
		}
	}
	// The host opens nothing before it has this, so it comes before all else of the session.
	go m.current.send(frame{kindResetAll, 0, nonce})
}

// send waits for its turn; a session that is over takes everything and sends nothing.
func (s *session) send(what frame) bool {
	select {
	case s.mux.out <- outgoing{s, what}:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *session) begin(number uint32) {
	fresh := newChannel(s, number)
	s.mutex.Lock()
	s.open[number] = fresh
	s.mutex.Unlock()
	go func() {
		carry(fresh)
		fresh.finish()
		s.mutex.Lock()
		delete(s.open, number)
		s.mutex.Unlock()
		fresh.cancel()
	}()
}

// carry answers a channel. A mistake of ours there cuts that channel short, and not everybody's.
func carry(of *channel) {
	defer func() {
		if why := recover(); why != nil {
			log.Printf("podresize-agent: channel %d: %v\n%s", of.number, why, debug.Stack())
			of.cancel()
		}
	}()
	answer(of)
}
