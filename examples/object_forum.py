"""A live forum from parts that are classes. Start it, and open http://127.0.0.1:8000 in two windows:

python examples/object_forum.py           on SQLite, with a text log
PGHOST=127.0.0.1 PGDATABASE=forum PGUSER=me PGPASSWORD=… FORUM_LOG=json python examples/object_forum.py
python examples/object_forum.py count     asks the same database how much was written
"""

import os
import sys

from campus.cli.object_server import Server
from campus.forum.forum import Forum
from veche.data import SqliteDatabase
from veche.data.postgres import PostgresDatabase
from veche.log import JsonLog, TextLog

FOLDER = os.environ.get("FORUM_FOLDER", "var/forum")
os.environ.setdefault("CAMPUS_DATA_DIRECTORY", FOLDER)

# Any object with log_message(message, *, level, **fields) is a logger.
logger = JsonLog("forum.json", path=FOLDER) if os.environ.get("FORUM_LOG") == "json" else TextLog("forum.log", FOLDER)

# Two classes, one face: execute_query(sql, parameters). PostgresDatabase() takes PGHOST, PGPORT and so on.
database = PostgresDatabase() if "PGHOST" in os.environ else SqliteDatabase(f"{FOLDER}/forum.sqlite3")

# Forum has all, get, create, update, delete: the pages call nothing else. Hand in a subclass to change what they do.
port, debug = int(os.environ.get("FORUM_PORT", "8000")), os.environ.get("FORUM_DEBUG") == "1"
server = Server(logger, database, Forum, port, debug)

if __name__ == "__main__":
    if sys.argv[1:] == ["count"]:
        [(messages,)] = database.execute_query("SELECT count(*) FROM message WHERE number > ?", [0])
        print(f"{messages} messages")
    else:
        sys.exit(server.run())
