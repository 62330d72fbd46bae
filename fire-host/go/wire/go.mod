module fireagent/wire

go 1.24
