# The Python package: its tests, its types, its examples, on the wheel.
. tests/python/install.sh
rm -f build/python/junit.xml
"$python" -X dev -m pytest -q -p no:cacheprovider -o faulthandler_timeout=120 \
    --junit-xml build/python/junit.xml tests/python
python3 tests/python/count.py build/python/junit.xml $?
