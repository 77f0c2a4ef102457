"""The tab of the library: photos are added, searched, corrected, exported and learnt from."""
