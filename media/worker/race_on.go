//go:build race

package worker

// shadow is how many times the memory of a program the race detector needs
// beside it, at most.
const shadow = 5
