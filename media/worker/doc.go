// Package worker runs jobs in child processes, so that what a job does to its
// process (a panic in any goroutine, memory without end, an endless loop) ends
// that process and nothing else.
//
// A child is this program again, started with a word that makes it serve jobs
// from standard input until that ends. Children are used for many jobs, one at a
// time, and are killed when a job takes too long. The package knows nothing of
// what the jobs are.
package worker

import "errors"

var (
	// ErrCrashed means that the child ended during the job, by a panic or by a
	// signal. What it wrote last is in the message.
	ErrCrashed = errors.New("worker crashed")
	// ErrMemory means that the job needed more memory than it may have.
	ErrMemory = errors.New("job needs too much memory")
	// ErrTimeout means that the job took longer than it may.
	ErrTimeout = errors.New("job took too long")
	// ErrClosed means that the pool was closed.
	ErrClosed = errors.New("worker pool is closed")
	// ErrProtocol means that the child answered what it should not.
	ErrProtocol = errors.New("worker broke the protocol")
)

// codeMemory is the code of a job that may not have the memory it asks for.
const codeMemory = "memory"

// RemoteError is an error that a job returned.
type RemoteError struct {
	Code    string // what the handler's coding function made of it
	Message string
}

func (e *RemoteError) Error() string { return e.Message }

// Is lets errors.Is find ErrMemory.
func (e *RemoteError) Is(target error) bool { return e.Code == codeMemory && target == ErrMemory }
