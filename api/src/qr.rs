//! QR codes as pictures: error correction M, four modules of quiet around it.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use crate::error::Failure;

const QUIET: usize = 4;
/// How many pixels a module is wide in a PNG.
const SCALE: usize = 8;

/// Which modules are dark, row by row, with the quiet zone.
struct Modules {
    width: usize,
    dark: Vec<bool>,
}

fn modules(text: &str) -> Result<Modules, Failure> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(Failure::internal)?;
    let inner = code.width();
    let width = inner + 2 * QUIET;
    let mut dark = vec![false; width * width];
    for (at, color) in code.to_colors().into_iter().enumerate() {
        dark[(at / inner + QUIET) * width + at % inner + QUIET] = color == Color::Dark;
    }
    Ok(Modules { width, dark })
}

/// The code of `text` as SVG, a unit per module; it scales to whatever it is shown in.
pub fn svg(text: &str) -> Result<String, Failure> {
    let Modules { width, dark } = modules(text)?;
    let mut path = String::new();
    for (y, row) in dark.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] {
                let wide = run.len();
                write!(path, "M{x} {y}h{wide}v1h-{wide}z").map_err(Failure::internal)?;
            }
            x += run.len();
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {width}\" width=\"{size}\" height=\"{size}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{width}v{width}H0z\"/><path d=\"{path}\"/></svg>\n",
        size = width * SCALE,
    ))
}

/// The code of `text` as a PNG of one bit a pixel, eight pixels a module.
pub fn png(text: &str) -> Result<Vec<u8>, Failure> {
    let Modules { width, dark } = modules(text)?;
    let size = width * SCALE;
    let pixels_wide = u32::try_from(size).map_err(Failure::internal)?;
    // A module is a byte wide: its eight pixels are alike.
    let rows = dark.chunks(width).flat_map(|row| std::iter::repeat_n(row, SCALE));
    let pixels: Vec<u8> = rows.flatten().map(|dark| if *dark { 0x00 } else { 0xFF }).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels_wide, pixels_wide);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(Failure::internal)?;
    writer.write_image_data(&pixels).map_err(Failure::internal)?;
    writer.finish().map_err(Failure::internal)?;
    Ok(file)
}
