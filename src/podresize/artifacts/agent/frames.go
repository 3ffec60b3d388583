package main

import (
	"encoding/binary"
)

// Frames as podresize/guest/frames.py describes them.
const (
	magic      = 0xB7
	headerSize = 10
	maxPayload = 32 << 10
	window     = 256 << 10
	nonceSize  = 16
	// As many zeros lead whatever was cut short to its end, and are padding after it.
	preambleSize = maxPayload + headerSize
	// Where it is lost, a reader goes on after as many zeros.
	resyncZeros = 64
)

type kind byte

const (
	kindOpen kind = 1 + iota
	kindData
	kindEnd
	kindReset
	kindCredit
	kindResetAll
)

type frame struct {
	kind    kind
	channel uint32
	payload []byte
}

func (f frame) encode() []byte {
	raw := make([]byte, headerSize, headerSize+len(f.payload))
	raw[0], raw[1] = magic, byte(f.kind)
	binary.BigEndian.PutUint32(raw[2:], f.channel)
	binary.BigEndian.PutUint32(raw[6:], uint32(len(f.payload)))
	return append(raw, f.payload...)
}

// decoder cuts a stream into frames, and finds its way again after one that was cut short.
type decoder struct {
	buffer []byte
	lost   bool
	zeros  int
}

func (d *decoder) feed(data []byte) []frame {
	d.buffer = append(d.buffer, data...)
	var found []frame
	for {
		d.skip()
		if len(d.buffer) < headerSize {
			break
		}
		length := int(binary.BigEndian.Uint32(d.buffer[6:]))
		which := kind(d.buffer[1])
		if which < kindOpen || which > kindResetAll || length > maxPayload {
			d.lost, d.zeros = true, 0
			d.buffer = d.buffer[1:]
			continue
		}
		if len(d.buffer) < headerSize+length {
			break
		}
		payload := append([]byte(nil), d.buffer[headerSize:headerSize+length]...)
		found = append(found, frame{which, binary.BigEndian.Uint32(d.buffer[2:]), payload})
		d.buffer = d.buffer[headerSize+length:]
	}
	// What was read is let go of.
	d.buffer = append([]byte(nil), d.buffer...)
	return found
}

// skip drops padding, and all there is until enough of it where the stream makes no sense.
func (d *decoder) skip() {
	for len(d.buffer) > 0 {
		first := d.buffer[0]
		switch {
		case d.lost && first == 0:
			d.zeros++
			d.lost = d.zeros < resyncZeros
		case d.lost:
			d.zeros = 0
		case first == magic:
			return
		case first != 0:
			d.lost, d.zeros = true, 0
		}
		d.buffer = d.buffer[1:]
	}
}
