#!/bin/sh
# Makes the sample film and its subtitles anew: demo/time-code.mp4 and demo/time-code.en.srt.
# Needs ffmpeg 5 or later with libx264 and drawtext (libfreetype), and the font DejaVu Sans Mono
# (Debian, Ubuntu: apt-get install ffmpeg fonts-dejavu-core). FONT=/path/to/font.ttf names another one.
set -eu
cd "$(dirname "$0")"

LENGTH=240 # seconds, less than an hour
FPS=10
FONT=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf}
[ -f "$FONT" ] || { echo "no font at $FONT: set FONT to a monospaced .ttf" >&2; exit 1; }

# The picture says where it is in four ways: time code, frame number, a bar that grows over the whole film above one that grows
# over each minute, and a background whose colour changes from minute to minute. Overlays, since drawbox does not follow the time.
ffmpeg -nostdin -hide_banner -loglevel error -y \
  -f lavfi -i "color=c=0x24405c:s=426x240:r=$FPS:d=$LENGTH" \
  -f lavfi -i "color=c=0xf2c14e:s=426x10:r=$FPS:d=$LENGTH" \
  -f lavfi -i "sine=frequency=220:sample_rate=22050:duration=$LENGTH,volume=0.05" \
  -filter_complex "\
[0:v]hue=H='PI/2*floor(t/60)',\
drawtext=fontfile=$FONT:text='%{pts\:gmtime\:0\:%T}':fontsize=76:fontcolor=white:x=(w-text_w)/2:y=56,\
drawtext=fontfile=$FONT:text='frame %{eif\:n\:d\:4}':fontsize=26:fontcolor=white:x=(w-text_w)/2:y=146,\
drawbox=x=0:y=200:w=iw:h=10:color=black@0.35:t=fill,drawbox=x=0:y=220:w=iw:h=10:color=black@0.35:t=fill[clock];\
[1:v]split[whole][minute];\
[clock][whole]overlay=x='-w+w*t/$LENGTH':y=200[first];\
[first][minute]overlay=x='-w+w*mod(t,60)/60':y=220[picture]" \
  -map "[picture]" -map 2:a \
  -threads 1 -c:v libx264 -preset veryslow -tune animation -crf 28 -profile:v main -pix_fmt yuv420p \
  -g $((2 * FPS)) -keyint_min $((2 * FPS)) -sc_threshold 0 \
  -c:a aac -b:a 24k -ac 1 \
  -map_metadata -1 -metadata title="Newsreel time code" -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
  -movflags +faststart time-code.mp4

second=0
while [ "$second" -lt "$LENGTH" ]; do
  at=$(printf '00:%02d:%02d' $((second / 60)) $((second % 60)))
  printf '%d\n%s,000 --> %s,900\n%s\n\n' $((second + 1)) "$at" "$at" "$at"
  second=$((second + 1))
done > time-code.en.srt
