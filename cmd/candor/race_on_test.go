//go:build race

package main

// raceDetector makes everything many times slower; samples are smaller then.
const raceDetector = true
