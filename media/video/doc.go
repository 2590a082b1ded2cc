// Package video turns a video that a stranger sent into one that any browser
// plays, and takes pictures out of it, by ffmpeg and ffprobe as child processes.
//
// ffmpeg opens nothing but the one file it is told to, by the one demuxer that
// fits what the file was sniffed as: a playlist or a reference inside leads
// nowhere. It may use one thread, so much memory, time and disk, and is killed
// beyond. The package stores nothing; it reads and writes files in folders that
// it is given.
package video

import "errors"

var (
	// ErrNoFFmpeg means that ffmpeg or ffprobe is not installed.
	ErrNoFFmpeg = errors.New("ffmpeg is not installed")
	// ErrUnreadable means that the file cannot be read, or holds no video.
	ErrUnreadable = errors.New("video cannot be read")
	// ErrLimit means that the video is longer, larger or of more streams than
	// allowed.
	ErrLimit = errors.New("video is beyond the limits")
	// ErrCodec means that the picture is coded in a way that is not taken in.
	ErrCodec = errors.New("video codec is not supported")
	// ErrExternal means that the file refers to other files or addresses.
	ErrExternal = errors.New("video refers to other files")
	// ErrTimeout means that the work took longer than it may.
	ErrTimeout = errors.New("video took too long")
)
