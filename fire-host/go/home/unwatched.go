//go:build !(race || asan || msan)

package home

const watched = false
