/** Why an archive is refused, by the words of the job. */
export type Cause = "compressed" | "encrypted" | "incomplete" | "malformed";

/** What a refusal says it is about. */
export function causeOf(error: string): Cause {
  if (/ is compressed | is packed with /.test(error)) return "compressed";
  if (/encrypted/.test(error)) return "encrypted";
  const isShort = /missing|lacks its last|is not whole|has no end|of which \d+ are there|cut short/.test(error);
  return isShort ? "incomplete" : "malformed";
}

/** Archives that must be refused although their manifests list members: damaged on purpose, or encrypted in ways that cannot be read. */
export const REFUSED: Readonly<Record<string, Cause>> = {
  "libarchive-rar/test_read_format_rar5_bytes_remaining_underflow.rar": "incomplete",
  "libarchive-rar/test_read_format_rar5_only_crypt_exfld.rar": "incomplete",
  "unrar-rs/100M.part00002.rar": "incomplete",
  "libarchive-7z-zip/test_read_format_zip_encryption_data.zip": "encrypted",
  "libarchive-7z-zip/test_read_format_zip_encryption_header.zip": "encrypted",
  "libarchive-7z-zip/test_read_format_zip_encryption_partially.zip": "encrypted",
  "libarchive-7z-zip/test_read_format_zip_extra_padding.zip": "incomplete",
  // The password is not what the manifest says.
  "libarchive-7z-zip/test_read_format_zip_ppmd8_aes256_streaming.zipx": "encrypted",
  "libarchive-7z-zip/test_read_format_zip_size_exceeds_declared_stored.zip": "malformed",
  "libarchive-7z-zip/test_read_format_zip_traditional_encryption_data.zip": "encrypted",
  "libarchive-7z-zip/test_read_format_zip_uncompressed_size_off_by_4gib.zip": "malformed",
  "libarchive-7z-zip/test_read_format_zip_zipx_lzma_oom.zipx": "incomplete",
  "sharpcompress-7z-zip/zipcrypto.zip": "encrypted",
  "yauzl/End of central directory record signature not found Either not a zip file or file is truncated.zip":
    "incomplete",
  "yauzl/compressed uncompressed size mismatch for stored file 2147483647 5.zip": "malformed",
  "yauzl/extra field length exceeds extra field buffer size.zip": "malformed",
  "yauzl/file data overflows file bounds 63 2147483647 308.zip": "malformed",
  "yauzl/invalid central directory file header signature 0x1014b50.zip": "malformed",
  "yauzl/invalid local file header signature 0x3034b50.zip": "malformed",
  "yauzl/multi-disk zip files are not supported found disk number 1.zip": "incomplete",
  "yauzl/strong encryption is not supported.zip": "encrypted",
  "yauzl/traditional-encryption-and-compression.zip": "encrypted",
  "yauzl/traditional-encryption-and-compression_deprecated.zip": "encrypted",
  "yauzl/traditional-encryption.zip": "encrypted",
  "yauzl/traditional-encryption_deprecated.zip": "encrypted",
  "yauzl/unexpected EOF.zip": "malformed",
  "yauzl/zip64 extended information extra field does not include compressed size.zip": "malformed",
  "yauzl/zip64 extended information extra field does not include relative header offset.zip": "malformed",
  "yauzl/zip64 extended information extra field does not include uncompressed size.zip": "malformed",
};

/** Programs, pictures and comics with an archive in them, and what does not begin like an archive: they may stay what was posted. */
export const KEPT: ReadonlySet<string> = new Set([
  "libarchive-7z-zip/test_read_format_7zip_issue2765.7z",
  "libarchive-7z-zip/test_read_format_7zip_malformed3.7z",
  "libarchive-7z-zip/test_read_format_7zip_sfx_boundary_elf.elf",
  "libarchive-7z-zip/test_read_format_7zip_sfx_elf64trunc.elf",
  "libarchive-7z-zip/test_read_format_zip_jar.jar",
  "libarchive-7z-zip/test_read_format_zip_padded1.zip",
  "libarchive-7z-zip/test_read_format_zip_padded3.zip",
  "libarchive-7z-zip/test_read_format_zip_sfx",
  "rar-test-files/testfile.rar3.av.cbr",
  "rar-test-files/testfile.rar3.cbr",
  "rar-test-files/testfile.rar3.locked.cbr",
  "rar-test-files/testfile.rar3.rr.cbr",
  "rar-test-files/testfile.rar3.solid.cbr",
  "rar-test-files/testfile.rar5.cbr",
  "rar-test-files/testfile.rar5.linux_sfx.bin",
  "rar-test-files/testfile.rar5.locked.cbr",
  "rar-test-files/testfile.rar5.rr.cbr",
  "rar-test-files/testfile.rar5.solid.cbr",
  "sharpcompress-rar/Rar.jpeg.jpg",
  "yauzl/End of central directory record signature not found Either not a zip file or file is truncated_1.zip",
  "yauzl/invalid zip64 end of central directory record signature.zip",
]);

/** Members in archives within archives, which are opened in their place: path of the inner archive. */
export const OPENED: ReadonlySet<string> = new Set([
  "libarchive-7z-zip/test_read_format_zip_nested.zip",
  "libarchive-rar/test_read_format_rar5_zip_in_rar.rar",
  "sharpcompress-7z-zip/Zip.none.issue86.zip",
]);

const HELLO = "fef9ad8cf601b43f76c6320075f62267c6e5c0a526d750a70b80c919a4a0aad8";
const HELLO_RUSSIAN = "e9d4b33858641889fada0905ad3223f6190114b4449a9bd8ef128edc64fb97f2";
const A_TXT = "d1bc8d3ba4afc7e109612cb73acbdddac052c93025aa1f82942edabb7deb82a1";
const NINE_BYTES = "b1ab25c55913c95cc6913f1dbce9bef185ebf00a64553a8ef194193e52ea5015";
const NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** SHA-256 of members that the manifests do not have, as Python's zipfile and 7-Zip 26.02 unpack them, or as they stand in the archive. */
export const UNLISTED: Readonly<Record<string, readonly string[]>> = {
  "libarchive-rar/test_read_format_rar5_main_block_extra_bytes.rar": [HELLO],
  "libarchive-rar/test_read_format_rar5_skip_block_extra_bytes.rar": [HELLO],
  "libarchive-rar/test_read_format_rar5_zip_in_rar.rar": [
    "26266747cd7668d5810f420c8b55739d6e52ecaa81dad6f4e314cd1f14df4cd7",
  ],
  // Its second file has a wrong checksum.
  "libarchive-7z-zip/test_read_format_zip.zip": ["fcf30b99ad097a0a48b1bfa6be7a1d0416105c28785fefbca0cf564cc84847cd"],
  "libarchive-7z-zip/test_read_format_zip_7075_utf8_paths.zip": [NINE_BYTES, NINE_BYTES],
  "libarchive-7z-zip/test_read_format_zip_filename_cp866.zip": [HELLO_RUSSIAN, HELLO_RUSSIAN],
  "libarchive-7z-zip/test_read_format_zip_filename_cp932.zip": [
    "7faabe854be71defacd1fd3b0403f2c54f446dd60a46db60b7d823cf988a6deb",
    "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969",
  ],
  "libarchive-7z-zip/test_read_format_zip_filename_koi8r.zip": [HELLO_RUSSIAN, HELLO_RUSSIAN],
  "libarchive-7z-zip/test_read_format_zip_filename_utf8_ru2.zip": [HELLO_RUSSIAN],
  "libarchive-7z-zip/test_read_format_zip_symlink_unsupported_compression.zip": [
    "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
  ],
  "libarchive-7z-zip/test_read_format_zip_nested.zip": [
    "625145a9952e73afe4b9e4177004a376650d64414f79a200e83775c4ee016a45",
  ],
  "sharpcompress-7z-zip/Zip.Evil.zip": ["accd3f4cf4d8067e88393350180acef90b5fcee975556b23a1c136409dd4c6ea"],
  // Four bytes that begin like a ZIP.
  "sharpcompress-7z-zip/Zip.none.issue86.zip": ["8dcc7e601606217f3b754766511182a916b17e9a26a94c9d887104eba92e9bb2"],
  "sharpcompress-7z-zip/Zip.zip64.compressedonly.zip": [
    "a8a2f6ebe286697c527eb35a58b5539532e9b3ae3b64d4eb0a46fb657b41562c",
  ],
  "yauzl/invalid characters in fileName a txt.zip": [A_TXT],
  "yauzl/invalid relative path xt.zip": [A_TXT],
  "yauzl/sloppy-filenames.zip": [A_TXT],
  "yauzl/unicode-path-extra-field.zip": [NOTHING],
};
