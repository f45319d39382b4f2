"""What is known so far, on disk: a project that hangs does not take it along."""
import json
import os


class Answer(dict):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def at(self, stage):
        """Note what is done next: the stage at which the project hung or failed."""
        self["stage"] = stage
        self.write()

    def write(self):
        with open(self.path + ".new", "w") as file:
            json.dump(self, file, default=str)
        os.replace(self.path + ".new", self.path)
