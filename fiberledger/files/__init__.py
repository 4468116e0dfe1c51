"""Files: private documents and pictures.

Owns: File, and the bytes under DATA_DIR/files/<tenant>/. A file is what its bytes say it is, not what its name says;
pictures are re-encoded, so that nothing but the picture is kept; everything is served with a short signed address.
Verbs (services): store, store_bytes, open_file, url_for, discard. No events. A nightly job sweeps bytes without a row.
"""

from fiberledger.tenancy.rooms import verbs

__all__, __getattr__ = verbs(
    __name__,
    services="PAPERS PICTURES discard open_file path_of read_token store store_bytes store_path sweep url_for",
)
