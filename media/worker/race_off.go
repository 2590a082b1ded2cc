//go:build !race

package worker

const shadow = 0
