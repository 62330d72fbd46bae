package lane

// getcpu is the number of the system call that tells the processor.
const getcpu = 168
