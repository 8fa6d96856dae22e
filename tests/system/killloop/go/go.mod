module walpool-killloop

go 1.24

require github.com/walpool/walpool v0.0.0

replace github.com/walpool/walpool => ../../../..
