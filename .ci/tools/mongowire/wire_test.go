package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// opMsgBytes builds an OP_MSG whose body section holds a document with the
// one key, after the given number of empty document sequences.
func opMsgBytes(flags uint32, key string, sequencesBefore int) message {
	body := binary.LittleEndian.AppendUint32(nil, flags)
	for range sequencesBefore {
		sequence := append(binary.LittleEndian.AppendUint32(nil, 4+len32("documents\x00")), "documents\x00"...)
		body = append(append(body, 1), sequence...)
	}
	document := append([]byte{0x10}, key...) // an int32 element
	document = append(document, 0, 1, 0, 0, 0, 0)
	body = append(body, 0)
	body = binary.LittleEndian.AppendUint32(body, 4+len32(string(document)))
	body = append(body, document...)
	return withHeader(opMsg, body)
}

func len32(s string) uint32 { return uint32(len(s)) }

func withHeader(opCode uint32, body []byte) message {
	m := binary.LittleEndian.AppendUint32(nil, headerLen+len32(string(body)))
	m = append(m, 1, 0, 0, 0, 0, 0, 0, 0)
	m = binary.LittleEndian.AppendUint32(m, opCode)
	return append(m, body...)
}

func TestReadMessage(t *testing.T) {
	t.Parallel()
	whole := opMsgBytes(0, "ping", 0)
	tooLong := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(tooLong, maxMessageLen+1)
	tooShort := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(tooShort, headerLen-1)

	for _, test := range []struct {
		name  string
		input []byte
		want  error
	}{
		{"whole", whole, nil},
		{"nothing", nil, io.EOF},
		{"cut in the header", whole[:7], io.ErrUnexpectedEOF},
		{"cut after the header", whole[:headerLen], io.ErrUnexpectedEOF},
		{"cut in the body", whole[:len(whole)-1], io.ErrUnexpectedEOF},
		{"longer than allowed", tooLong, errMessageLength},
		{"shorter than its header", tooShort, errMessageLength},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := readMessage(bytes.NewReader(test.input))
			if !errors.Is(err, test.want) {
				t.Fatalf("readMessage() error = %v, want %v", err, test.want)
			}
			if err == nil && !bytes.Equal(got, test.input) {
				t.Errorf("readMessage() = %x, want %x", got, test.input)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		message   message
		command   string
		handshake bool
		reply     bool
	}{
		{"command", opMsgBytes(0, "find", 0), "find", false, true},
		{"body after sequences", opMsgBytes(0, "insert", 2), "insert", false, true},
		{"unacknowledged", opMsgBytes(flagMoreToCome, "insert", 0), "insert", false, false},
		{"hello", opMsgBytes(flagExhaustAllowed, "hello", 0), "hello", true, true},
		{"old hello", opMsgBytes(0, "isMaster", 0), "isMaster", true, true},
		{"older hello", opMsgBytes(0, "ismaster", 0), "ismaster", true, true},
		{"legacy query", withHeader(opQuery, make([]byte, 20)), "", true, true},
		{"no body", withHeader(opMsg, make([]byte, 4)), "", false, true},
		{"no flags", withHeader(opMsg, nil), "", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.name != "legacy query" {
				if got := test.message.command(); got != test.command {
					t.Errorf("command() = %q, want %q", got, test.command)
				}
			}
			if got := test.message.isHandshake(); got != test.handshake {
				t.Errorf("isHandshake() = %v, want %v", got, test.handshake)
			}
			if got := test.message.expectsReply(); got != test.reply {
				t.Errorf("expectsReply() = %v, want %v", got, test.reply)
			}
		})
	}
}

func TestRefuseExhaust(t *testing.T) {
	t.Parallel()
	m := opMsgBytes(flagExhaustAllowed|flagMoreToCome, "hello", 0)
	m.refuseExhaust()
	if got := m.flags(); got != flagMoreToCome {
		t.Errorf("flags after refuseExhaust() = %b, want %b", got, flagMoreToCome)
	}
	sealed := opMsgBytes(flagExhaustAllowed|flagChecksumPresent, "hello", 0)
	sealed.refuseExhaust()
	if got, want := sealed.flags(), uint32(flagExhaustAllowed|flagChecksumPresent); got != want {
		t.Errorf("flags of a message with a checksum = %b, want %b", got, want)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(opMsgBytes(0, "find", 1)))
	f.Add([]byte(opMsgBytes(flagMoreToCome, "hello", 0)))
	f.Add([]byte(withHeader(opMsg, []byte{0, 0, 0, 0, 1, 0, 0, 0, 0})))
	f.Fuzz(func(t *testing.T, input []byte) {
		m, err := readMessage(bytes.NewReader(input))
		if err != nil {
			return
		}
		if len(m) > len(input) {
			t.Fatalf("read %d bytes of %d", len(m), len(input))
		}
		m.refuseExhaust()
		if m.isHandshake() && m.opCode() == opMsg && m.command() == "" {
			t.Error("a message without a command passes for a handshake")
		}
	})
}
