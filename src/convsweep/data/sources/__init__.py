"""Data sets, one file each."""

# The tasks of data sets whose targets are for one; here since importing them takes seconds.
TASKS = {
    "audio_folder": "denoising",
    "cifar": "classification",
    "digits": "classification",
    "image_folder": "classification",
    "mask_folder": "segmentation",
    "mnist": "classification",
    "mnist1d": "classification",
    "nifti_folder": "segmentation",
    "oxford_pet": "segmentation",
    "signals": "denoising",
    "ucr": "classification",
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
