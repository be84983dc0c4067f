"""Data sets, one file each."""

from convsweep.task import CLASSIFICATION, DENOISING, SEGMENTATION

# The tasks of data sets whose targets are for one; here since importing them takes seconds.
TASKS = {
    "audio_folder": DENOISING,
    "cifar": CLASSIFICATION,
    "digits": CLASSIFICATION,
    "image_folder": CLASSIFICATION,
    "mask_folder": SEGMENTATION,
    "mnist": CLASSIFICATION,
    "mnist1d": CLASSIFICATION,
    "nifti_folder": SEGMENTATION,
    "oxford_pet": SEGMENTATION,
    "signals": DENOISING,
    "ucr": CLASSIFICATION,
}
# The option of each data set that names the user's own files.
OWN_FILES = {
    "arrays": "path",
    "audio_folder": "root",
    "image_folder": "root",
    "image_table": "root",
    "mask_folder": "root",
    "nifti_folder": "root",
}
