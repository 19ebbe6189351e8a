"""Pictures that a table names: `table:FILE`, a csv or parquet file with columns path, label and, for parts, split."""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from nas.errors import DataError, ParameterError
from workers.data.dataset import Part, Request
from workers.data.folder_scan import FolderScan
from workers.data.image_folder import IMAGE_FOLDER, source_of
from workers.data.listing import Listing
from workers.data.picture_source import PictureSource
from workers.data.table_rows import TABLE, pictures_of, read_rows


def open_table(request: Request, part: Part) -> PictureSource:
    """Open a part of the pictures that a table names, by paths from its own folder.

    Raises ParameterError without a FILE; DataError for a table or pictures that cannot be used.
    """
    if not request.argument:
        raise ParameterError("data set 'table' needs a csv or parquet file: table:FILE")
    file = Path(request.argument).expanduser()
    if not file.is_file():
        raise DataError(f"table {str(file)!r} is not a file")
    return source_of(table_listing(file, follow_links=request.follow_links), request, part)


def table_listing(file: Path, *, follow_links: bool) -> Listing:
    """List the pictures of a table. Raises DataError as `open_table` does."""
    title = f"table {str(file)!r}"
    skipped: defaultdict[str, Counter[str]] = defaultdict(Counter)
    scan = FolderScan(file.parent, follow_links=follow_links)
    pictures = pictures_of(read_rows(file, TABLE), str(file.parent), scan, title, skipped)
    return Listing.of_rows(title, file.parent, pictures, skipped)


PICTURE_TABLE = replace(IMAGE_FOLDER, open=open_table)
