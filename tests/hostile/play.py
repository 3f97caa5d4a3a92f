#!/usr/bin/env python3
"""play.py MODULE BEHAVIOUR[:WHICH] ... - plays a behaviour of airbyte.py or singer.py. It is so short because Python keeps compiled what is imported only."""
import importlib
import sys

from peer import behaviours

if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    name, _, which = sys.argv[2].partition(":")
    player = behaviours(module.Connector if sys.argv[1] == "airbyte" else module.Program)[name]()
    player.which = which
    player.run(sys.argv[3:])
