// Package index is the assembly room of fire's Go halves: the two things that Go code cannot say.
//
// It lives at the import path "index" because the go tool runs the assembler inside the package's
// directory, which must therefore exist: GOROOT/src/index does, and holds no Go file of its own.
package index

// G returns the address of the current goroutine's descriptor. It identifies the goroutine for as
// long as the goroutine lives; addresses are used again afterwards.
func G() uintptr

// Pause executes n spin-wait hints. One costs 1 to 75 ns, depending on the processor.
func Pause(n uint32)
