package worker

// Source: memfd_create(2).
const sysMemfdCreate = 319
