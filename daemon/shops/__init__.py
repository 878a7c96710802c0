"""Brings pictures to shops by their APIs: each picture once, and a corrected one into the place of the earlier one."""
