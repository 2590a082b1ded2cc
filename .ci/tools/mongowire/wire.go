package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Layout of the MongoDB wire protocol, from its published specification:
// every message starts with four little-endian 32-bit integers (length with
// the header, request id, response to, operation code).
const (
	headerLen = 16

	opQuery = 2004
	opMsg   = 2013

	flagChecksumPresent = 1 << 0
	flagMoreToCome      = 1 << 1
	flagExhaustAllowed  = 1 << 16

	// maxMessageLen is the bound that MongoDB servers announce as
	// maxMessageSizeBytes.
	maxMessageLen = 48_000_000
)

var errMessageLength = errors.New("message length out of range")

// message is one whole wire message, header included.
type message []byte

// readMessage reads one message. It returns io.EOF when the stream ends
// between two messages, and errMessageLength before allocating anything for a
// length below the header's own or above maxMessageLen.
func readMessage(r io.Reader) (message, error) {
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header[:4])
	if length < headerLen || length > maxMessageLen {
		return nil, fmt.Errorf("%w: %d bytes", errMessageLength, length)
	}
	m := make(message, length)
	copy(m, header[:])
	if _, err := io.ReadFull(r, m[headerLen:]); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return m, nil
}

func (m message) opCode() uint32 { return binary.LittleEndian.Uint32(m[12:16]) }

// flags returns the flag bits of an OP_MSG, and zero for any other message.
func (m message) flags() uint32 {
	if m.opCode() != opMsg || len(m) < headerLen+4 {
		return 0
	}
	return binary.LittleEndian.Uint32(m[headerLen : headerLen+4])
}

// expectsReply reports whether the sender of a request waits for an answer.
// Writes with write concern 0 do not.
func (m message) expectsReply() bool { return m.flags()&flagMoreToCome == 0 }

// refuseExhaust withdraws the sender's permission to answer one request with
// a stream of replies, so that a reply is always a single message. A message
// with a checksum is left alone: the change would break it.
func (m message) refuseExhaust() {
	if f := m.flags(); f&flagExhaustAllowed != 0 && f&flagChecksumPresent == 0 {
		binary.LittleEndian.PutUint32(m[headerLen:], f&^flagExhaustAllowed)
	}
}

// isHandshake reports whether the message only asks who the server is: a
// hello in its new or old spelling. OP_QUERY survives for that purpose alone.
func (m message) isHandshake() bool {
	switch m.opCode() {
	case opQuery:
		return true
	case opMsg:
		switch m.command() {
		case "hello", "isMaster", "ismaster":
			return true
		}
	}
	return false
}

// command returns the name of an OP_MSG's command, which is the first key of
// its body section, or "" when the message is malformed.
func (m message) command() string {
	if len(m) < headerLen+4 {
		return ""
	}
	rest := m[headerLen+4:]
	for len(rest) > 0 {
		kind, section := rest[0], rest[1:]
		if len(section) < 4 {
			return ""
		}
		size := binary.LittleEndian.Uint32(section)
		if size < 4 || uint64(size) > uint64(len(section)) {
			return ""
		}
		if kind == 0 {
			return firstKey(section[4:size])
		}
		rest = section[size:]
	}
	return ""
}

// firstKey returns the first key of a BSON document without its length
// prefix: one byte of type, then the key up to a zero byte.
func firstKey(elements []byte) string {
	if len(elements) < 2 {
		return ""
	}
	end := bytes.IndexByte(elements[1:], 0)
	if end < 0 {
		return ""
	}
	return string(elements[1 : 1+end])
}
