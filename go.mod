module github.com/walpool/walpool

go 1.24
