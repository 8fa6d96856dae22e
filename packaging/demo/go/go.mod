module walpool-demo-worker

go 1.24

require github.com/walpool/walpool v0.0.0

// A program outside this checkout has no such line.
replace github.com/walpool/walpool => ../../..
