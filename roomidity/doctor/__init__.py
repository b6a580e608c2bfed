"""The doctor: finds what is wrong with a stage, and how to correct it."""

from __future__ import annotations

from roomidity.doctor.diagnosis import diagnose
from roomidity.doctor.findings import Finding, Status
from roomidity.doctor.parts import TABLES
from roomidity.doctor.ports import DoctorPorts

__all__ = ["TABLES", "DoctorPorts", "Finding", "Status", "diagnose"]
