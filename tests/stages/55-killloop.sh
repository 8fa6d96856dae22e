# The kill loop, and writers beside a program that does not know walpool, in
# four languages. What has changed since another stage built it is built anew.
. tests/stages/meson.sh
. tests/python/install.sh
. packaging/go/env.sh

build_writers() {
    build build/debug && sh packaging/node/build.sh && mkdir -p build/killloop &&
        GOFLAGS=-buildvcs=false GOTOOLCHAIN=local \
            go build -C tests/system/killloop/go -o "$PWD/build/killloop/writer" .
}

if ! build_writers; then
    echo "0 passed, 1 failed"
    exit 1
fi
rm -f build/killloop/junit.xml
python3 -m pytest -v -s -p no:cacheprovider --junit-xml build/killloop/junit.xml \
    tests/system/killloop
python3 tests/python/count.py build/killloop/junit.xml $?
