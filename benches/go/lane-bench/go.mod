module lanebench

go 1.22
