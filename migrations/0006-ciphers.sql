-- How the runs of a file that was posted encrypted are decrypted: mode, key and start, packed; NULL when they are the file's bytes as
-- they are. `size` is that of the plaintext. A key lies here in the clear, as the passwords of archives do: only its owner may read
-- this database.
ALTER TABLE entry ADD COLUMN cipher BLOB CHECK (cipher IS NULL OR runs IS NOT NULL);
