"""FiberLedger: runs internet providers; the books are always right, the network does what they say."""

VERSION = "0.1.0"
