package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A frame is a kind of one byte, a length of four, big end first, and that many
// bytes. The parent sends a job and its data; the child may once ask for memory
// and waits until it is granted; it answers with any number of data frames and
// a result, or with a failure.
type frameKind byte

const (
	frameJob     frameKind = 'J' // JSON job
	frameData    frameKind = 'D' // bytes
	frameReserve frameKind = 'M' // JSON number of bytes
	frameGrant   frameKind = 'G' // empty
	frameResult  frameKind = 'R' // JSON, as the handler made it
	frameFailure frameKind = 'E' // JSON failure
)

// maxControl bounds the frames that are not data.
const maxControl = 1 << 20

type job struct {
	Op     string          `json:"op"`
	Params json.RawMessage `json:"params"`
	CPU    int64           `json:"cpu"` // seconds
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func writeFrame(w io.Writer, kind frameKind, payload []byte) error {
	if len(payload) > 1<<32-1 {
		return fmt.Errorf("%w: frame of %d bytes", ErrProtocol, len(payload))
	}
	header := [5]byte{0: byte(kind)}
	binary.BigEndian.PutUint32(header[1:], uint32(len(payload)))
	if _, err := w.Write(header[:]); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

func writeJSON(w io.Writer, kind frameKind, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, kind, payload)
}

// readFrame reads one frame. Data frames hold at most maxData bytes. io.EOF is
// the end between two frames.
func readFrame(r io.Reader, maxData int64) (frameKind, []byte, error) {
	var header [5]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	kind, size := frameKind(header[0]), int64(binary.BigEndian.Uint32(header[1:]))
	limit := int64(maxControl)
	if kind == frameData {
		limit = maxData
	}
	if size > limit {
		return 0, nil, fmt.Errorf("%w: frame %q of %d bytes", ErrProtocol, kind, size)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind, payload, nil
}
