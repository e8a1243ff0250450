"""``$HOME/.galileojp``: variables that name the database."""
from galileo._old_names import load_dotenv


def load() -> None:
    """Sets what the file has and the environment hasn't; no file is no error."""
    load_dotenv()
