"""The suites, in the order in which `bench/run` goes through them. README.md says how to add one."""
from . import (backup, compressed, convert, data_cache, iocount, limits, locality, meta, micro, randread, randwrite,
               raw, sequential)

SUITES = [iocount.REQUESTS, iocount.OTHERS, data_cache.COUNTS, data_cache.TIMES, randread.SUITE, randwrite.SUITE,
          locality.SUITE, sequential.SUITE, raw.SUITE, meta.SUITE, convert.SUITE, compressed.SUITE, backup.SUITE,
          micro.SUITE, limits.FILE, limits.CODECS]
