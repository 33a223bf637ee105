#!/bin/sh
#SOVREN --ranks 4 --time-limit=1h --array frame=0-3%2 --after ok:12 --hold
#SOVREN resources.memory_per_rank=2GiB "name=my job" # note
echo ${frame} ${HOME}
