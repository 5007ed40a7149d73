"""Work for workers in other processes, which find it by the name of this module."""

import os


def squares(plus, lost):
    """Work that kills its process once, at the job 3, where there is a file to say so."""

    def work(job):
        if job == 3 and lost is not None and lost.exists():
            lost.unlink()
            os._exit(1)
        return job * job + plus

    return work
