"""Kernel transactions: requests about any number of objects and targets, carried out all together or not at all.

    Request, Request … ──plan (pure)──► phases of messages ──send──► acks ──► seen by the mirror ──► read back ──► Outcome
                                                  │ refused, late, overtaken
                                                  └──► undo list, backwards, verified ──► one error
"""
