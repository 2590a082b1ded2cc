package video

import (
	"fmt"
	"io"

	"github.com/abema/go-mp4"
)

// Bounds of the walk over a file's boxes. A long recording of three minutes has
// a few hundred.
const (
	maxBoxes = 20_000
	maxTable = 64 << 10 // bytes of a table of data references
)

// onTheWay are the boxes, by their depth, that lead to a track's table of data
// references.
var onTheWay = []string{"moov", "trak", "mdia", "minf", "dinf", "dref"}

// checkBoxes refuses MP4 and MOV files whose tracks lie in other files: a data
// reference that is not to the file itself (ISO/IEC 14496-12, 8.7.2). ffmpeg is
// told not to follow them; this tells the sender so. Whether the file is right
// otherwise is for ffprobe to say.
func checkBoxes(file io.ReadSeeker) error {
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read video: %w", err)
	}
	left := maxBoxes
	return walkBoxes(file, 0, end, 0, &left)
}

// walkBoxes goes over the boxes from start to end of one box's body.
func walkBoxes(file io.ReadSeeker, start, end int64, depth int, left *int) error {
	for start+8 <= end {
		if *left--; *left < 0 {
			return fmt.Errorf("%w: more than %d boxes", ErrLimit, maxBoxes)
		}
		if _, err := file.Seek(start, io.SeekStart); err != nil {
			return fmt.Errorf("read video: %w", err)
		}
		box, err := mp4.ReadBoxInfo(file)
		if err != nil || box.Size < box.HeaderSize || box.Size > uint64(end-start) {
			return nil //nolint:nilerr // not for this check to judge
		}
		body, next := start+int64(box.HeaderSize), start+int64(box.Size)
		if box.Type == mp4.StrToBoxType(onTheWay[depth]) {
			if depth == len(onTheWay)-1 {
				err = checkReferences(file, body, next)
			} else {
				err = walkBoxes(file, body, next, depth+1, left)
			}
			if err != nil {
				return err
			}
		}
		start = next
	}
	return nil
}

// checkReferences reads a table of data references: version and flags, a count,
// and boxes whose own flags say in their last bit that the data is here.
func checkReferences(file io.ReadSeeker, start, end int64) error {
	if end-start > maxTable {
		return fmt.Errorf("%w: table of data references", ErrLimit)
	}
	for at := start + 8; at+12 <= end; {
		if _, err := file.Seek(at, io.SeekStart); err != nil {
			return fmt.Errorf("read video: %w", err)
		}
		box, err := mp4.ReadBoxInfo(file)
		if err != nil || box.Size < box.HeaderSize+4 || box.Size > uint64(end-at) {
			return fmt.Errorf("%w: bad data reference", ErrUnreadable)
		}
		var flags [4]byte
		if _, err := file.Seek(at+int64(box.HeaderSize), io.SeekStart); err != nil {
			return fmt.Errorf("read video: %w", err)
		}
		if _, err := io.ReadFull(file, flags[:]); err != nil {
			return fmt.Errorf("read video: %w", err)
		}
		if flags[3]&1 == 0 {
			return ErrExternal
		}
		at += int64(box.Size)
	}
	return nil
}
