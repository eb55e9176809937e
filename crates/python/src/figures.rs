//! Figures that a script only shows: they are saved as files, by a matplotlib backend of ours.

use redraft_files::{self as files, FileError};
use std::path::PathBuf;
use tempfile::TempDir;

/// The backend's module, as matplotlib is told of it.
pub(super) const BACKEND: &str = "module://redraft_figures";

/// It draws as matplotlib does without a display; to show is to save, in the folder that the script
/// runs in, under the next free number.
const MODULE: &str = "\
import os
from matplotlib import pyplot
from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas, FigureManagerBase


class FigureManager(FigureManagerBase):
    pass


def show(*args, **kwargs):
    for manager in Gcf.get_all_fig_managers():
        number = 1
        while os.path.exists(f'figure_{number}.png'):
            number += 1
        manager.canvas.figure.savefig(f'figure_{number}.png')
    pyplot.close('all')
";

/// A folder with the backend's module in it, and its path: it goes with the first.
pub(super) fn folder() -> Result<(TempDir, PathBuf), FileError> {
    let temporary = files::temporary_folder()?;
    let folder = files::put_for_all(&temporary, "redraft_figures.py", MODULE)?;
    Ok((temporary, folder))
}
