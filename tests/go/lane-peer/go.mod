module lanepeer

go 1.22
