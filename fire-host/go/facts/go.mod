module fire/facts

go 1.24
