//go:build race || asan || msan

package home

// watched says that a detector sees every access to memory in this process: workers then access only what the program does.
const watched = true
